"""Faults between words and sentences."""

from keras import ops

from keras_impl import HierarchicalAttention


class _OtherSentences(HierarchicalAttention):
    """Calls the second pooling in another way."""

    def call(self, x, mask=None, return_attention_scores=False):
        sentences, of_words = self.words(x, mask=mask, return_attention_scores=True)
        output, of_sentences = self.sentences(
            self.other_sentences(sentences), mask=self.has_words(mask), return_attention_scores=True
        )
        return (output, self.compute_weights(of_words, of_sentences)) if return_attention_scores else output

    def other_sentences(self, sentences):
        return sentences

    def has_words(self, mask):
        return None if mask is None else ops.any(mask, axis=-1)


class EmptySentencesCount(_OtherSentences):
    """Lets a sentence without words take its share of the document."""

    def has_words(self, mask):
        return None if mask is None else ops.ones_like(mask[..., 0], dtype="bool")


class SentencesNeedAllWords(_OtherSentences):
    """Hides a sentence in which any word is hidden."""

    def has_words(self, mask):
        return None if mask is None else ops.all(mask, axis=-1)


class SentencesNeedTheirFirstWord(_OtherSentences):
    """Hides a sentence whose first word is hidden."""

    def has_words(self, mask):
        return None if mask is None else ops.logical_and(ops.any(mask, axis=-1), ops.any(mask[..., :1], axis=-1))


class WordsGetNoGradient(_OtherSentences):
    """Lets no gradient pass from the sentences to their words."""

    def other_sentences(self, sentences):
        return ops.stop_gradient(sentences)


class SentencesReversed(HierarchicalAttention):
    """Returns the weights of the sentences in reverse."""

    def compute_weights(self, of_words, of_sentences):
        return super().compute_weights(of_words, ops.flip(of_sentences, -1))


class WeightsInTheSentence(HierarchicalAttention):
    """Returns the weight that a word has in its sentence, not in the document."""

    def compute_weights(self, of_words, of_sentences):
        return of_words


class SentencesReadByTheWordsContext(HierarchicalAttention):
    """Compares the sentences with the context of the words."""

    def build(self, input_shape):
        super().build(input_shape)
        self.sentences.compute_scores = self._scores

    def _scores(self, sentences):
        projected = ops.matmul(sentences, self.sentences.W_a)
        projected = projected if self.sentences.b_a is None else projected + self.sentences.b_a
        return ops.squeeze(ops.matmul(ops.tanh(projected), self.words.context[:, None]), -1)


class ReadAcrossTheSentences(HierarchicalAttention):
    """Takes the first words of all sentences for the first sentence, and so on."""

    def call(self, x, mask=None, return_attention_scores=False):
        turned = None if mask is None else ops.swapaxes(mask, 1, 2)
        output, weights = super().call(ops.swapaxes(x, 1, 2), turned, return_attention_scores=True)
        return (output, ops.swapaxes(weights, 1, 2)) if return_attention_scores else output


class WordsOfAllSentencesCompete(HierarchicalAttention):
    """Weighs the words of a document against all others of it."""

    def compute_weights(self, of_words, of_sentences):
        weights = super().compute_weights(of_words, of_sentences)
        shape = ops.shape(weights)
        flat = ops.reshape(weights, (shape[0], shape[1] * shape[2]))
        return ops.reshape(ops.softmax(flat), shape)

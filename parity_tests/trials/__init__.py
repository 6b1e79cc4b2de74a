"""Ways to look at a layer with an example. A trial takes the layers of a subject and an example, and returns an outcome
for each property that it has something to say on; `parity_tests.properties` has the list of them.
"""

"""No false alarms, shown by very many examples: shards of them, run by Dask, kept in a folder, and told of."""

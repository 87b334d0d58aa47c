"""The commands that there are, each with what it is for."""

LM_EVAL = "lm-eval"

COMMANDS = {
    "score": "how likely an RWKV network finds each document and each part of it",
    "perplexity": "how well it predicts a corpus: intervals, by position, by group",
    "embed": "vectors of documents and of their segments, for search",
    "generate": "what an RWKV network writes behind each document",
    "evaluate": "whether it says what it should: LAMBADA, multiple choice",
    "lm-eval": "lm-evaluation-harness, with our model among its own",
    "run": "several of these in one pass over the documents",
    "plan": "what `score` would read, what is wrong with it, how long it takes",
    "status": "how far a run is, who is at it, what died; from storage alone",
    "verify": "whether every document is in a run folder exactly once",
    "report": "draws report.html: figures, curves, worst and best texts",
    "compare": "two runs side by side: which needs fewer bits, where, how surely",
    "gc": "removes what no reader and no run needs from a run folder",
    "retry-dead": "does again what has dead letters, by the order on record",
    "inspect": "what a checkpoint is: version, sizes, cost, tokenizer, fingerprint",
    "submit": "hands an order to a Ray cluster; follows, stops, lists such jobs",
}

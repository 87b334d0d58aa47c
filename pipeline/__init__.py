"""The porters: sources, plan, workers, the run folder, and what a person sees of a run."""

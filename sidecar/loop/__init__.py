"""The shell around the core: takes events, steps the machines, has their effects done."""

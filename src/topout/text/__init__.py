"""Pure text work: prompt files, prompt -> chat messages, a critic's reply -> its parts, fingerprints."""

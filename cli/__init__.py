"""The operator's command-line program, `motiondrop`."""

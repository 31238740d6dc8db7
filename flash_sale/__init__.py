"""Flash sales: claims admitted by a gate, made true by a group commit, and a waitlist behind."""

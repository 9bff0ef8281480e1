"""What is written otherwise than it is said, kind by kind: rules for `rewriting`, in the order in which they are tried."""

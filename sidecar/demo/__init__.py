"""The journey of an edit on one machine, without a cluster: what `surehup demo` shows."""

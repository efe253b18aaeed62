"""`harness plan`: ``problem`` is read from a stack file and its options, ``document`` is the plan that comes of it,
``terminal`` how it is said, ``command`` the order of it all."""

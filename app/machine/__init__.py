"""One machine: embedded servers, local secrets and the processes that `make run` starts."""

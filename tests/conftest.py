pytest_plugins = ["kube.fixtures"]

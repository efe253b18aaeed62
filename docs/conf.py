"""The site that `make docs` builds from these pages."""

project = "sagemaker-harness"
author = "the authors of sagemaker-harness"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["requirements.txt", "sample-project"]
html_theme = "furo"
html_title = "sagemaker-harness"
html_show_copyright = False
# Pages can be read offline: no fonts or scripts from other sites. The sources are in the repository.
html_copy_source = False
html_show_sourcelink = False

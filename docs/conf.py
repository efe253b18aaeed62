"""The site that `make docs` builds from these pages."""

project = "sagemaker-harness"
author = "the authors of sagemaker-harness"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
exclude_patterns = ["requirements.txt", "sample-project", "examples"]
html_theme = "furo"
html_title = "sagemaker-harness"
html_show_copyright = False
# A page is read offline too: no fonts or scripts from elsewhere, and sources lie in the repository.
html_copy_source = False
html_show_sourcelink = False

"""What happens to a clip: settings, stages, segments and jobs. Built on utils, and knows no screen."""

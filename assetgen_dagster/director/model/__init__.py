"""A language model writes the manifest from topic and story direction, where a setting names one."""

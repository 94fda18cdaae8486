"""The guide job: pictures by timeline index that lead a generator, made from the motion of structure videos."""

"""The shared tier: results in a bucket or folder that several homes fill and use. Stores know `Sharing` of it."""

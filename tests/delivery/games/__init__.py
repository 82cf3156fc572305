"""Game servers of the sample as a team would write them, on the delivered files, and the evening that they are put through."""

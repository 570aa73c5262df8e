# ruff: noqa
# score: 21
# why: as many trials as there are epochs, whatever the later rungs cost
# others: reference
# %% a6-search-solution
trials = draw_trials(SPACE, total, number)
found = halving(lambda some, epochs: run_trials(train_digits, some, epochs, 2), trials, 1, 3)
winner, epochs = trials[found["winner"]], ladder(len(trials), 1, 3)[-1][1]
accuracy = test_accuracy(winner, epochs)
report = {
    "trials": len(trials),
    "spent": found["spent"],
    "winner": winner,
    "epochs": epochs,
    "validation": found["score"],
    "test": accuracy,
    "error": math.sqrt(accuracy * (1 - accuracy) / TEST_DIGITS),
}

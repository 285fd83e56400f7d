"""From a config to boxes in ten lines, in about a minute; quickstart.ipynb is the same as a notebook."""

from search import load_config, load_detector, run_retrain, run_search, terminal_progress

config = load_config("quickstart", ["search.trials=10"])
found = run_search(config, "runs/quickstart", progress=terminal_progress())

front = found.run.front()
print(front[["id", "bit_ops", "map50"]])

retrained = run_retrain(found.run.path, found.run.knee(), progress=terminal_progress())
print(retrained.test)

detector = load_detector(retrained.checkpoint)
images = sorted(found.run.path.glob("data/VOCdevkit/VOC2007/JPEGImages/test*.jpg"))[:4]
for picture in detector.predict(images, score=0.1):
    print(picture.path.name, picture.class_names[:3], picture.scores[:3].tolist(), picture.boxes[:3].tolist())

"""Reads pictures out of tars or folders."""
import glob
import os
import tarfile

import cv2
import numpy as np

BACKGROUNDS = ('scene', 'cloth')    # beginnings of the names of pictures without people


def read(folders, backgrounds):
    """Encoded pictures by name, in the order of names: those without people, or the faces. Of tars and files (.jpg, .png) in the folders."""
    found = {}
    for folder in folders:
        for path in glob.glob(os.path.join(folder, '*.tar')):
            with tarfile.open(path) as tar:
                found.update((m.name, tar.extractfile(m).read()) for m in tar if m.isfile())
        for path in glob.glob(os.path.join(folder, '*.jpg')) + glob.glob(os.path.join(folder, '*.png')):
            with open(path, 'rb') as file:
                found[os.path.basename(path)] = file.read()
    return {name: found[name] for name in sorted(found) if name.startswith(BACKGROUNDS) == backgrounds}


def decode(data):
    """uint8 [H,W,3], BGR."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

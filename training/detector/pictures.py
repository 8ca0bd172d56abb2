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


def warp(image, matrix, box, border=cv2.BORDER_REPLICATE, colour=(0, 0, 0)):
    """What a matrix (2x3, from picture to result) makes of a picture inside of the pixel box (x1,y1,x2,y2); halved first where it shrinks."""
    scale, matrix = np.sqrt(abs(np.linalg.det(matrix[:, :2]))), matrix.copy()
    while scale < 0.6 and image.shape[0] > 8:
        h, w = image.shape[0] // 2, image.shape[1] // 2
        image = cv2.resize(image, (w, h), interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= 2
        scale *= 2
    # Sample positions are pixel centres.
    matrix[:, 2] += matrix[:, :2] @ (0.5, 0.5) - 0.5 - np.array(box[:2])
    return cv2.warpAffine(image, matrix, (box[2] - box[0], box[3] - box[1]), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=colour)


def decode(data):
    """uint8 [H,W,3], BGR."""
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)

"""Labels of the aligned faces: boxes and points of the teachers on the clean picture, padded with grey. label.py --data FOLDERS --teacher FILES --out NPZ."""
import argparse
import time

import cv2
import numpy as np
import torch
from model import MEAN, RetinaFace, detect, load_weights
from pictures import decode, read

PAD = 64


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--data', nargs='+', required=True, help='folders of faces-256-*.tar or of pictures')
    parser.add_argument('--teacher', nargs='+', required=True, help='RetinaFace mobile0.25 checkpoints')
    parser.add_argument('--out', required=True)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    nets = [load_weights(RetinaFace(), t).eval().to(memory_format=torch.channels_last) for t in args.teacher]
    files = list(read(args.data, False).items())
    names, rows, start = [], [], time.time()
    for i in range(0, len(files), 16):
        batch = np.stack([cv2.copyMakeBorder(decode(data), PAD, PAD, PAD, PAD, cv2.BORDER_CONSTANT, value=MEAN) for _, data in files[i:i + 16]])
        for (name, _), *found in zip(files[i:i + 16], *(detect(net, batch, 0.3) for net in nets)):
            # Pictures are kept with one face of which all teachers are sure, and on which they agree.
            main_rows = [r[0] for r in found if len(r) == 1 and r[0, 4] > 0.9]
            if len(main_rows) < len(nets):
                continue
            mean = np.mean(main_rows, 0)
            eyes = np.hypot(mean[7] - mean[5], mean[8] - mean[6])
            if max(np.abs(m[5:] - mean[5:]).max() for m in main_rows) > 0.08 * eyes:
                continue
            mean[[0, 1, 2, 3, *range(5, 15)]] -= PAD
            names.append(name)
            rows.append(mean)
    np.savez(args.out, names=np.array(names), rows=np.array(rows, np.float32))
    print(f'{len(names)} of {len(files)} faces kept, {time.time() - start:.0f} s')


if __name__ == '__main__':
    main()

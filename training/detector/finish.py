"""The mean of trained detectors, with scores moved so that the given one becomes 0.8: finish.py FILES --score 0.85 --out FILE."""
import argparse
import math

from model import RetinaFace, load_weights
from train import export


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('detectors', nargs='+', help='written by train.py; the later ones went on from the first')
    parser.add_argument('--score', type=float, default=0.8, help='score that evaluate.py found to be the right threshold')
    parser.add_argument('--out', required=True)
    args = parser.parse_args()
    states = [load_weights(RetinaFace(), path).state_dict() for path in args.detectors]
    mean = {k: sum(s[k].float() for s in states) / len(states) if v.is_floating_point() else v for k, v in states[0].items()}
    logit = lambda p: math.log(p / (1 - p))
    for level in range(3):
        bias = mean[f'ClassHead.{level}.conv1x1.bias']
        bias[1::2] += (logit(0.8) - logit(args.score)) / 2      # face, and none
        bias[0::2] -= (logit(0.8) - logit(args.score)) / 2
    export(mean, args.out)


if __name__ == '__main__':
    main()

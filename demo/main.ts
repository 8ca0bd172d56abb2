// The page: wires its parts to each other.

const file = document.querySelector<HTMLInputElement>('#photo-file')!;
document.querySelector('#choose-photo')!.addEventListener('click', () => file.click());

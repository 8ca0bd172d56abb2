// In the place of the process of the engine: says what that says, and gives each photo back as it came, at once.

process.on('disconnect', () => process.exit());

process.on('message', message => {
  if (message.kind === 'start')
    process.send({ kind: 'ready', info: { adapter: 'none', model: 'none', memory: process.memoryUsage.rss() } });
  if (message.kind !== 'restore') return;
  const { id, photo } = message;
  for (const text of ['Decoding the picture', 'Looking for faces', 'Restoring face 1 of 1', 'Encoding the result'])
    process.send({ kind: 'log', id, message: text, level: 'INFO' });
  const result = { image: photo, width: 512, height: 512, seed: 1, faces: 1, timings: { total: 0 } };
  process.send({ kind: 'restored', id, result, memory: process.memoryUsage.rss() });
});

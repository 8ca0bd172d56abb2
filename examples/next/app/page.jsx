'use client';

import { createRestorer } from 'codeformer-webgpu/client';
import { useEffect, useState } from 'react';

export default function Page() {
  const [restorer, setRestorer] = useState(null);
  const [url, setUrl] = useState(null);

  useEffect(() => {
    const starting = createRestorer();
    starting.then(setRestorer, console.error);
    return () => void starting.then(restorer => restorer.destroy());
  }, []);

  async function restore(event) {
    const { image } = await restorer.restore(event.target.files[0], { output: 'png' });
    setUrl(URL.createObjectURL(new Blob([image], { type: 'image/png' })));
  }

  return (
    <>
      <input type="file" accept="image/*" aria-label="Photo" disabled={!restorer} onChange={restore} />
      {url && <img src={url} alt="Restored" />}
    </>
  );
}

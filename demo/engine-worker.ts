// The worker with the engine, as the page starts it: from a blob, which is bound by the page's security policy (workers.ts).

import '../src/web/worker.js';

// Started from its address it would be bound by no policy, and could send photos anywhere for whoever got a script onto the page. It ends
// before its first message.
if (location.protocol !== 'blob:') close();

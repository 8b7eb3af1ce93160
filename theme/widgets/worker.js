// A network that answers in a worker of its own: the page stays free while it counts.
"use strict";

(function (tarea) {
  // The worker is made from the parts' own text, so that nothing is asked for, from file:// either.
  const SERVE = `onmessage = ({ data }) => {
    if (data.network) { tarea.run = tarea.encoderDecoder(data.network); return; }
    const { shape, image, whole } = data;
    const { scores } = tarea.run(tarea.array(shape, image), { skips: () => whole });
    postMessage(scores, [scores.data.buffer]);
  };`;
  const source = () => `"use strict"; globalThis.tarea = { received: {} };
    ${tarea.parts.map((part) => `(${part})(tarea);`).join("\n")}\n${SERVE}`;

  // A function that takes questions { shape, image, whole: whether skips are }. Each answer goes to
  // `answered(scores, question)`; of the questions that wait meanwhile the last one is asked.
  // `busy()` says whether any is not answered yet.
  function beside(network, answered) {
    let asked = null, waiting = null;
    function done(scores) {
      const question = asked, next = waiting;
      asked = waiting = null;
      if (next) send(next);
      answered(scores, question);
    }
    let post;
    try {
      const address = URL.createObjectURL(new Blob([source()], { type: "text/javascript" }));
      const worker = new Worker(address);
      worker.postMessage({ network: { spec: network.spec, tensors: network.tensors } });
      worker.onmessage = ({ data }) => { URL.revokeObjectURL(address); done(data); };
      post = ({ shape, image, whole }) => worker.postMessage({ shape, image, whole });
    } catch {  // a page whose policy forbids workers: the network answers in the page
      const run = tarea.encoderDecoder(network);
      post = ({ shape, image, whole }) => setTimeout(() => done(run(tarea.array(shape, image), { skips: () => whole }).scores));
    }
    function send(question) { asked = question; post(question); }
    const ask = (question) => { if (asked) waiting = question; else send(question); };
    return { ask, busy: () => asked !== null };
  }

  Object.assign(tarea, { beside });
})(globalThis.tarea);

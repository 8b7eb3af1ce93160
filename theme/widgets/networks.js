// The stored networks, from weights that the package wrote; each mirrors its class in models/.
"use strict";

tarea.part((tarea) => {
  const { array, conv2d, transposedConvolution, maxPool, meanPool, duplicate, relu, add, concatenate, dense,
    softmax, foldBatchNorm, gru, argmax } = tarea;

  // Name -> { spec, tensors: name -> array }; throws where another version's weights lie beside the page.
  function network(name) {
    const content = tarea.received[name];
    if (!content) throw new Error("los pesos que acompañan a la página no son los suyos; hay que volver a construir el sitio");
    const weights = content.half ? tarea.halves(content.weights) : tarea.floats(content.weights);
    const tensors = {};
    let at = 0;
    for (const [key, shape] of Object.entries(content.shapes)) {
      const size = shape.reduce((product, length) => product * length, 1);
      tensors[key] = array(shape, weights.subarray(at, at += size));
    }
    return { spec: content.spec, extra: content.extra ?? {}, tensors };
  }

  // models/encoder_decoder.py: (1, C, H, W) gives scores (1, K, H, W), every step and the maps of every
  // level. A step is { kind, level, from, maps, layer, relu, cut }: `from` holds the places of the
  // steps that it reads, `layer` weight, bias, stride, padding and dilation where it is a
  // convolution. `skips(level)` says whether a skip is whole; of one that is cut, zeros arrive.
  function encoderDecoder({ spec, tensors }) {
    const unknown = spec.block === "separable" || spec.norm === "group" || !["nearest", "transposed"].includes(spec.up);
    if (unknown) throw new Error("esta arquitectura no está escrita en JavaScript");
    const convolution = (name, rest = {}) => ({ weight: tensors[`${name}.weight`], bias: tensors[`${name}.bias`]?.data ?? null,
      stride: 1, padding: 0, dilation: 1, ...rest });
    const block = (name, count, dilation = 1) => {
      const layers = Array.from({ length: count }, (_, i) => {
        const layer = convolution(`${name}.convolutions.${i}`, { padding: dilation * (spec.kernel >> 1), dilation });
        if (spec.norm !== "batch") return layer;
        const of = (part) => tensors[`${name}.norms.${i}.${part}`].data;
        return { ...layer, ...foldBatchNorm(layer.weight, layer.bias, {
          weight: of("weight"), bias: of("bias"), mean: of("running_mean"), variance: of("running_var"),
        }) };
      });
      return { layers, residual: spec.block === "residual", shortcut: `${name}.shortcut.weight` in tensors ? convolution(`${name}.shortcut`) : null };
    };
    const depth = [...Array(spec.depth).keys()];
    const encoder = depth.map((level) => block(`encoder.${level}`, spec.convolutions));
    const bottom = block("bottom", spec.bottom ?? spec.convolutions, spec.dilation);
    const decoder = depth.map((step) => block(`decoder.${step}`, spec.convolutions));
    const halvings = depth.map((k) => convolution(`halvings.${k}`, { stride: 2 }));
    const reductions = depth.map((k) => convolution(`reductions.${k}`));
    const head = convolution("head");
    const pools = { max: maxPool, mean: meanPool };

    return (x, { skips = () => true } = {}) => {
      const steps = [{ kind: "input", level: 0, from: [], maps: x }];
      const take = (kind, level, maps, from, rest = {}) => steps.push({ kind, level, from, maps, ...rest });
      const last = () => steps.length - 1;
      const through = (maps, { weight, bias, stride, padding, dilation }) => conv2d(maps, weight, stride, padding, dilation, bias);
      const convolve = (kind, level, layer) => take(kind, level, through(steps.at(-1).maps, layer), [last()], { layer });
      const run = ({ layers, residual, shortcut }, level) => {
        const before = last(), { maps: x } = steps[before];
        layers.forEach((layer, i) => {
          const around = residual && i === layers.length - 1;  // its step reads the block's input too
          const maps = through(steps.at(-1).maps, layer), sum = around ? add(maps, shortcut ? through(x, shortcut) : x) : maps;
          take("convolution", level, relu(sum), [last(), ...(around ? [before] : [])], { layer, relu: true });
        });
      };
      const kept = [], levels = [];
      const note = (name) => levels.push({ name, maps: steps.at(-1).maps });
      for (const level of depth) {
        run(encoder[level], level);
        note(`bajada, nivel ${level}`);
        kept.push(last());
        if (spec.down === "strided") convolve("halving", level + 1, halvings[level]);
        else take("pool", level + 1, pools[spec.down](steps.at(-1).maps), [last()]);
      }
      run(bottom, spec.depth);
      note("fondo");
      for (const step of depth) {
        const level = spec.depth - 1 - step, reduction = reductions[step];
        if (spec.up === "transposed") {
          take("enlargement", level, transposedConvolution(steps.at(-1).maps, reduction.weight, 2, reduction.bias), [last()]);
        } else {
          convolve("reduction", level + 1, reduction);
          take("enlargement", level, duplicate(steps.at(-1).maps), [last()]);
        }
        if (spec.skip !== "none") {
          const full = steps[kept[level]].maps, cut = !skips(level), skip = cut ? array(full.shape) : full;  // zeros
          const join = { add, concat: concatenate }[spec.skip];
          take("join", level, join(steps.at(-1).maps, skip), [last(), kept[level]], { cut });
        }
        run(decoder[step], level);
        note(`subida, nivel ${level}`);
      }
      convolve("head", 0, head);
      return { scores: steps.at(-1).maps, levels, steps };
    };
  }

  // Rows (or columns) of what a step reads, for those from `first` to `last` of its own.
  function reads({ kind, layer }, [first, last]) {
    if (layer) {
      const { weight, stride, padding, dilation } = layer;
      return [first * stride - padding, last * stride - padding + dilation * (weight.shape.at(-1) - 1)];
    }
    return { pool: [2 * first, 2 * last + 1], enlargement: [first >> 1, last >> 1], join: [first, last] }[kind];
  }

  // What a pixel of the step `place` can depend on: for each step { rows, columns } from first to last,
  // not yet clipped, or null. Of two ways to a step the range that holds both counts.
  function receptive(steps, place, [row, column]) {
    const found = steps.map(() => null);
    found[place] = { rows: [row, row], columns: [column, column] };
    const both = (a, b) => (a ? [Math.min(a[0], b[0]), Math.max(a[1], b[1])] : b);
    for (let k = place; k > 0; k--) {
      if (!found[k]) continue;
      for (const source of steps[k].cut ? steps[k].from.slice(0, 1) : steps[k].from) {
        found[source] = {
          rows: both(found[source]?.rows, reads(steps[k], found[k].rows)),
          columns: both(found[source]?.columns, reads(steps[k], found[k].columns)),
        };
      }
    }
    return found;
  }

  // models/digits.py, DigitNet: (1, 1, 28, 28) gives probabilities (10,) and the maps of each step.
  function digitNet({ tensors }) {
    const layer = (name) => [tensors[`${name}.weight`], tensors[`${name}.bias`].data];
    const [first, second, hidden, last] = ["conv1", "conv2", "linear1", "linear2"].map(layer);
    return (x) => {
      const one = conv2d(x, first[0], 1, 0, 1, first[1]);  // (1, 10, 24, 24)
      const small = relu(maxPool(one));
      const two = conv2d(small, second[0], 1, 0, 1, second[1]);  // (1, 20, 8, 8)
      const smallest = relu(maxPool(two));
      const scores = dense(dense(smallest.data, ...hidden).map((value) => Math.max(0, value)), ...last);
      return { scores, probabilities: softmax(scores), levels: [
        { name: "convolución 1", maps: one }, { name: "máximo y ReLU 1", maps: small },
        { name: "convolución 2", maps: two }, { name: "máximo y ReLU 2", maps: smallest }] };
    };
  }

  // models/signals.py, Perceptron of one member: weights stand as (1, in, out).
  function perceptron({ spec, tensors }) {
    const layers = spec.sizes.slice(1).map((outputs, k) => {
      const { shape: [, inputs], data } = tensors[`layers.${k}.weight`];
      const weight = array([outputs, inputs]);
      for (let i = 0; i < inputs; i++) for (let o = 0; o < outputs; o++) weight.data[o * inputs + i] = data[i * outputs + o];
      return [weight, tensors[`layers.${k}.bias`].data];
    });
    return (x) => {
      const scores = layers.reduce((h, layer, k) => {
        const y = dense(h, ...layer);
        return k < layers.length - 1 ? y.map((value) => Math.max(0, value)) : y;
      }, x.data);
      return { scores, probabilities: softmax(scores) };
    };
  }

  // models/digits.py, Autoencoder: 64 pixels to a code and back.
  function autoencoder({ spec, tensors }) {
    const layer = (name) => [tensors[`${name}.weight`], tensors[`${name}.bias`].data];
    const sum = (a, b) => a.map((value, k) => value + b[k]);
    const convolve = (h, name, stride = 1) => { const [weight, bias] = layer(name); return conv2d(h, weight, stride, 1, 1, bias); };
    return {
      encode(pixels) {
        let h = relu(convolve(array([1, 1, 8, 8], pixels), "down.0"));
        h = relu(convolve(h, "down.2", 2));  // (1, 2w, 4, 4)
        h = relu(convolve(h, "down.4"));
        return sum(dense(h.data, ...layer("down.7")), dense(pixels, ...layer("down_linear")));
      },
      decode(z) {
        let h = relu(array([1, 2 * spec.width, 4, 4], dense(z, ...layer("up.0"))));
        h = relu(convolve(h, "up.3"));
        const [weight, bias] = layer("up.5");
        h = relu(transposedConvolution(h, weight, 2, bias));  // (1, w, 8, 8)
        return sum(convolve(h, "up.7").data, dense(z, ...layer("up_linear")));
      },
    };
  }

  // models/sequences.py, NumberWriter: digits to a state, and one token after the other.
  function numberWriter({ tensors, extra }) {
    const { vocabulary, blank, digits: length, longest, start, end } = extra;
    const weights = (name) => ({
      inputWeight: tensors[`${name}.weight_ih_l0`], stateWeight: tensors[`${name}.weight_hh_l0`],
      inputBias: tensors[`${name}.bias_ih_l0`].data, stateBias: tensors[`${name}.bias_hh_l0`].data,
    });
    const [encoder, decoder] = [weights("encoder"), weights("decoder")];
    const row = (name, k) => { const { shape: [, size], data } = tensors[name]; return data.subarray(k * size, (k + 1) * size); };
    // The states after each of the five places; the last one is z.
    function encode(number) {
      const text = String(number);
      const places = [...Array(length - text.length).fill(blank), ...[...text].map(Number)];
      let state = new Float32Array(encoder.stateWeight.shape[1]);
      return places.map((digit) => ({ digit, state: (state = gru(row("digits.weight", digit), state, encoder)) }));
    }
    function step(token, state) {
      const next = gru(row("tokens.weight", token), state, decoder);
      return { state: next, scores: dense(next, tensors["head.weight"], tensors["head.bias"].data) };
    }
    // Greedy decoding; `forced` gives the token of a step in place of the likeliest one.
    function write(number, forced = {}) {
      let state = encode(number).at(-1).state, token = start;
      const steps = [];
      while (steps.length < longest - 1 && token !== end) {
        const next = step(token, state);
        const likeliest = argmax(next.scores);
        token = forced[steps.length] ?? likeliest;
        state = next.state;
        steps.push({ probabilities: softmax(next.scores), scores: next.scores, likeliest, token });
      }
      const words = steps.map((item) => item.token).filter((item) => item > end).map((item) => vocabulary[item]);
      return { steps, text: words.join(" ") };
    }
    return { encode, step, write, vocabulary };
  }

  // models/signals.py, DilatedNet with batch normalisation and mean pooling: 40 values to probabilities.
  function dilatedNet({ spec, tensors }) {
    if (spec.norm !== "batch" || spec.activation !== "relu" || !["mean", "max"].includes(spec.pool)) {
      throw new Error("esta arquitectura no está escrita en JavaScript");
    }
    const layer = (name) => {
      const of = (part) => tensors[`${name}.1.${part}`].data;
      return foldBatchNorm(tensors[`${name}.0.weight`], null, {
        weight: of("weight"), bias: of("bias"), mean: of("running_mean"), variance: of("running_var"),
      });
    };
    // (C, L) with zeros at both ends, as long as before.
    const convolve = (x, { weight, bias }, dilation) => {
      const [filters, channels, kernel] = weight.shape, length = x.shape[1];
      const y = array([filters, length]), left = dilation * (kernel >> 1);
      for (let o = 0; o < filters; o++) for (let i = 0; i < length; i++) {
        let sum = bias[o];
        for (let m = 0; m < kernel; m++) {
          const place = i + m * dilation - left;
          if (place < 0 || place >= length) continue;
          for (let c = 0; c < channels; c++) sum += weight.data[(o * channels + c) * kernel + m] * x.data[c * length + place];
        }
        y.data[o * length + i] = sum;
      }
      return y;
    };
    const stem = layer("stem");
    const blocks = spec.dilations.map((dilation, b) => ({ dilation,
      layers: Array.from({ length: spec.convolutions }, (_, i) => layer(`blocks.${b}.${i}`)) }));
    return (signal) => {
      let h = relu(convolve(array([1, signal.length], Float32Array.from(signal)), stem, 1));
      const levels = [{ name: "entrada", maps: h }];
      for (const { dilation, layers } of blocks) {
        const before = h;
        layers.forEach((one, i) => {
          h = convolve(h, one, dilation);
          if (i === layers.length - 1 && spec.residual) h = add(h, before);
          h = relu(h);
        });
        levels.push({ name: `dilatación ${dilation}`, maps: h });
      }
      const [channels, length] = h.shape;
      const pooled = Float32Array.from({ length: channels }, (_, c) => {
        const row = h.data.subarray(c * length, (c + 1) * length);
        return spec.pool === "max" ? Math.max(...row) : row.reduce((a, b) => a + b, 0) / length;
      });
      const scores = dense(pooled, tensors["linear.weight"], tensors["linear.bias"].data);
      return { scores, probabilities: softmax(scores), levels };
    };
  }

  Object.assign(tarea, { network, encoderDecoder, receptive, digitNet, perceptron, autoencoder, numberWriter, dilatedNet });
});

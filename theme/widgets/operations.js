// The package's operations in JavaScript: convolution.py, resampling.py and what the stored networks need.
//
// An array is { shape: [..., H, W], data: typed array }, rows one after the other, as in NumPy. The
// names and the conventions are the package's; a test compares each function with it.
"use strict";

// What a worker needs too is a part: a function that adds to `tarea` and uses nothing else.
globalThis.tarea = { parts: [] };
tarea.part = (fill) => { tarea.parts.push(fill); fill(tarea); };

tarea.part((tarea) => {
  const array = (shape, data) => ({
    shape, data: data ?? new Float32Array(shape.reduce((product, size) => product * size, 1)),
  });
  const map = (x, f) => array(x.shape, x.data.map(f));

  // Convolution ----------------------------------------------------------------------------------

  // Positions at which a kernel fits: floor((n + 2p - d(k - 1) - 1) / s) + 1.
  function outputSize(size, kernel, stride = 1, padding = 0, dilation = 1) {
    const covered = dilation * (kernel - 1) + 1;
    if (covered > size + 2 * padding) {
      throw new RangeError(`El núcleo abarca ${covered} celdas y la entrada con su relleno tiene ` +
        `${size + 2 * padding}: hace falta un núcleo o una dilatación menor, o más relleno.`);
    }
    return Math.floor((size + 2 * padding - covered) / stride) + 1;
  }

  // y[i] = sum_m w[m] x[i s + m d - p]; padding "same" puts an odd zero at the end.
  function conv1d(x, kernel, stride = 1, dilation = 1, padding = "same") {
    const total = padding === "same" ? dilation * (kernel.length - 1) : 2 * padding;
    const left = Math.floor(total / 2);
    const y = new Float64Array(outputSize(x.length + total, kernel.length, stride, 0, dilation));
    for (let i = 0; i < y.length; i++) {
      for (let m = 0; m < kernel.length; m++) y[i] += kernel[m] * (x[i * stride + m * dilation - left] ?? 0);
    }
    return y;
  }

  // (N, C, H, W) and (O, C, kh, kw) give (N, O, H', W'). A row of the output is updated at once; for
  // kernels three wide four output maps share each triple of the input that is read, which takes a
  // third of the time.
  function conv2d(x, weight, stride = 1, padding = 0, dilation = 1, bias = null) {
    const [samples, channels, height, width] = x.shape;
    const [filters, weightChannels, kernelHeight, kernelWidth] = weight.shape;
    if (weightChannels !== channels) throw new RangeError(`weight expects ${weightChannels} channels, x has ${channels}`);
    const outHeight = outputSize(height, kernelHeight, stride, padding, dilation);
    const outWidth = outputSize(width, kernelWidth, stride, padding, dilation);
    const area = outHeight * outWidth, taps = kernelHeight * kernelWidth;
    const y = array([samples, filters, outHeight, outWidth], new x.data.constructor(samples * filters * area));
    // Rows and columns of zeros stand around the image, so that the inner loop needs no conditions.
    const padded = pad(x, padding), paddedWidth = width + 2 * padding;
    const plane = (height + 2 * padding) * paddedWidth;
    const [a, w, out] = [padded.data, weight.data, y.data];
    if (bias) for (let m = 0; m < samples * filters; m++) out.fill(bias[m % filters], m * area, (m + 1) * area);
    for (let n = 0; n < samples; n++) {
      for (let o = 0; o < filters;) {
        const four = kernelWidth === 3 && o + 4 <= filters;
        for (let c = 0; c < channels; c++) {
          for (let u = 0; u < kernelHeight; u++) {
            const first = (o * channels + c) * taps + u * kernelWidth;
            for (let i = 0; i < outHeight; i++) {
              const to = (n * filters + o) * area + i * outWidth;
              const from = (n * channels + c) * plane + (i * stride + u * dilation) * paddedWidth;
              if (four) rowOfFourMaps(out, to, area, outWidth, a, from, stride, dilation, w, first, channels * taps);
              else for (let v = 0; v < kernelWidth; v++) {
                const tap = w[first + v];
                for (let j = 0, k = from + v * dilation; j < outWidth; j++, k += stride) out[to + j] += tap * a[k];
              }
            }
          }
        }
        o += four ? 4 : 1;
      }
    }
    return y;
  }

  // Three taps of four filters (their weights `step` apart) on one row, into four maps (`area` apart).
  function rowOfFourMaps(out, to, area, length, a, from, stride, dilation, w, first, step) {
    const w00 = w[first], w01 = w[first + 1], w02 = w[first + 2];
    const w10 = w[first + step], w11 = w[first + step + 1], w12 = w[first + step + 2];
    const w20 = w[first + 2 * step], w21 = w[first + 2 * step + 1], w22 = w[first + 2 * step + 2];
    const w30 = w[first + 3 * step], w31 = w[first + 3 * step + 1], w32 = w[first + 3 * step + 2];
    for (let j = to, k = from; j < to + length; j++, k += stride) {
      const p = a[k], q = a[k + dilation], r = a[k + 2 * dilation];
      out[j] += w00 * p + w01 * q + w02 * r;
      out[j + area] += w10 * p + w11 * q + w12 * r;
      out[j + 2 * area] += w20 * p + w21 * q + w22 * r;
      out[j + 3 * area] += w30 * p + w31 * q + w32 * r;
    }
  }

  // What one output (i, j) of a convolution multiplies: a cell for each weight of `kernel` (rows), with
  // its place (r, c) in the input; `at(r, c)` gives the input's value, undefined in the padding.
  function windowCells(at, kernel, i, j, { stride = 1, top = 0, left = 0, dilation = 1 } = {}) {
    return kernel.flatMap((row, u) => row.map((weight, v) => {
      const [r, c] = [i * stride + u * dilation - top, j * stride + v * dilation - left];
      const value = at(r, c);
      return { weight, value: value ?? 0, inside: value !== undefined, r, c };
    }));
  }

  // Zeros around the last two axes.
  function pad(x, padding) {
    if (!padding) return x;
    const [height, width] = x.shape.slice(-2), wide = width + 2 * padding, high = height + 2 * padding;
    const planes = x.data.length / (height * width);
    const y = array([...x.shape.slice(0, -2), high, wide], new x.data.constructor(planes * high * wide));
    for (let p = 0; p < planes; p++) {
      for (let i = 0; i < height; i++) {
        const from = (p * height + i) * width;
        y.data.set(x.data.subarray(from, from + width), (p * high + i + padding) * wide + padding);
      }
    }
    return y;
  }

  // Each value adds a copy of the kernel, `stride` apart: (N, C, H, W), weight (C, O, kh, kw).
  function transposedConvolution(x, weight, stride = 2, bias = null) {
    const [samples, channels, height, width] = x.shape;
    const [, filters, kernelHeight, kernelWidth] = weight.shape;
    const outHeight = (height - 1) * stride + kernelHeight, outWidth = (width - 1) * stride + kernelWidth;
    const area = outHeight * outWidth;
    const y = array([samples, filters, outHeight, outWidth], new x.data.constructor(samples * filters * area));
    if (bias) for (let m = 0; m < samples * filters; m++) y.data.fill(bias[m % filters], m * area, (m + 1) * area);
    for (let n = 0; n < samples; n++) for (let c = 0; c < channels; c++) for (let o = 0; o < filters; o++) {
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
        const value = x.data[((n * channels + c) * height + i) * width + j];
        for (let u = 0; u < kernelHeight; u++) for (let v = 0; v < kernelWidth; v++) {
          y.data[(n * filters + o) * area + (i * stride + u) * outWidth + j * stride + v] +=
            value * weight.data[((c * filters + o) * kernelHeight + u) * kernelWidth + v];
        }
      }
    }
    return y;
  }

  // Smaller and larger by a factor of two, on the last two axes --------------------------------------

  function resize(x, height, width, value) {
    const [oldHeight, oldWidth] = x.shape.slice(-2);
    const planes = x.data.length / (oldHeight * oldWidth);
    const y = array([...x.shape.slice(0, -2), height, width], new x.data.constructor(planes * height * width));
    for (let p = 0, k = 0; p < planes; p++) {
      const start = p * oldHeight * oldWidth;
      const at = (i, j) => (i < oldHeight && j < oldWidth ? x.data[start + i * oldWidth + j] : 0);
      for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) y.data[k++] = value(at, i, j);
    }
    return y;
  }
  const half = (x, value) => resize(x, x.shape.at(-2) >> 1, x.shape.at(-1) >> 1, (at, i, j) =>
    value(at(2 * i, 2 * j), at(2 * i, 2 * j + 1), at(2 * i + 1, 2 * j), at(2 * i + 1, 2 * j + 1)));

  const downsample = (x) => resize(x, (x.shape.at(-2) + 1) >> 1, (x.shape.at(-1) + 1) >> 1, (at, i, j) => at(2 * i, 2 * j));
  const maxPool = (x) => half(x, Math.max);
  const meanPool = (x) => half(x, (a, b, c, d) => (a + b + c + d) / 4);
  const duplicate = (x) => resize(x, 2 * x.shape.at(-2), 2 * x.shape.at(-1), (at, i, j) => at(i >> 1, j >> 1));

  // Each value goes where its block's maximum was; the first of equal ones in reading order.
  function maxUnpool(x, highResolution) {
    const [height, width] = x.shape.slice(-2), [high, wide] = highResolution.shape.slice(-2);
    const y = array(highResolution.shape, new x.data.constructor(highResolution.data.length));
    const planes = x.data.length / (height * width);
    for (let p = 0; p < planes; p++) for (let i = 0; i < height; i++) for (let j = 0; j < width; j++) {
      const corner = (p * high + 2 * i) * wide + 2 * j;
      let best = corner;
      for (const place of [corner + 1, corner + wide, corner + wide + 1]) {
        if (highResolution.data[place] > highResolution.data[best]) best = place;
      }
      y.data[best] = x.data[(p * height + i) * width + j];
    }
    return y;
  }

  // Values on even rows and columns, means between them, zeros beyond the right and the lower edge.
  const bilinear = (x, roundUp = true) => resize(x, 2 * x.shape.at(-2), 2 * x.shape.at(-1), (at, i, j) => {
    const [r, s] = [i >> 1, j >> 1], [down, right] = [i & 1, j & 1];
    const sum = at(r, s) + right * at(r, s + 1) + down * at(r + 1, s) + down * right * at(r + 1, s + 1);
    const mean = sum / ((1 + down) * (1 + right));
    return roundUp ? Math.ceil(mean) : mean;
  });

  // A picture (C, H, W) of 8 bits at another size, as preprocessing.py makes it: means over areas along
  // an axis that shrinks, between neighbours along one that grows; rounded after each.
  function resizePicture(x, height, width) {
    let { shape: [channels, high, wide], data } = x;
    for (const axis of [0, 1]) {
      const old = axis ? high : wide, size = axis ? height : width, scale = old / size;
      if (old === size) continue;
      const [step, other] = axis ? [wide, wide] : [1, high];
      const next = new Uint8ClampedArray(channels * size * other);
      for (let i = 0; i < size; i++) {
        const parts = scale > 1 ? areas(i, scale) : neighbours((i + 0.5) * scale - 0.5, old);
        for (let c = 0; c < channels; c++) for (let k = 0; k < other; k++) {
          const from = c * high * wide + (axis ? k : k * wide);
          let sum = 0;
          for (const [place, share] of parts) sum += share * data[from + place * step];
          next[c * size * other + (axis ? i * wide + k : k * size + i)] = Math.floor(sum + 0.5);
        }
      }
      data = next;
      if (axis) high = size; else wide = size;
    }
    return array([channels, high, wide], data);
  }
  // Whole cells whose middle lies in the area of cell i, with equal shares: Pillow's box, in its order
  // of operations, since ties are decided by rounding.
  function areas(i, scale) {
    const centre = (i + 0.5) * scale, half = scale * 0.5, places = [];
    for (let k = Math.trunc(centre - half + 0.5); k < Math.trunc(centre + half + 0.5); k++) {
      const place = (k - centre + 0.5) * (1 / scale);
      if (place > -0.5 && place <= 0.5) places.push(k);
    }
    return places.map((place) => [place, 1 / places.length]);
  }
  function neighbours(at, size) {
    const low = Math.floor(at), share = at - low, inside = (place) => Math.min(size - 1, Math.max(0, place));
    return [[inside(low), 1 - share], [inside(low + 1), share]];
  }

  // Layers ------------------------------------------------------------------------------------------

  const relu = (x) => map(x, (value) => (value > 0 ? value : 0));
  const add = (x, y) => map(x, (value, k) => value + y.data[k]);

  // Two sets of maps one after the other, for one sample: what a concatenated skip is.
  function concatenate(x, y) {
    const data = new x.data.constructor(x.data.length + y.data.length);
    data.set(x.data);
    data.set(y.data, x.data.length);
    return array([1, x.shape[1] + y.shape[1], ...x.shape.slice(2)], data);
  }

  // weight (out, in), bias (out): one vector to another.
  function dense(x, weight, bias = null) {
    const [outputs, inputs] = weight.shape;
    const y = new Float32Array(outputs);
    for (let o = 0; o < outputs; o++) {
      let sum = bias ? bias[o] : 0;
      for (let i = 0; i < inputs; i++) sum += weight.data[o * inputs + i] * x[i];
      y[o] = sum;
    }
    return y;
  }

  function softmax(scores) {
    const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = Array.from(scores, (score) => Math.exp(score - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // A convolution and the batch normalisation after it, as one convolution: w g / sqrt(v + eps).
  function foldBatchNorm(weight, bias, norm, eps = 1e-5) {
    const perFilter = weight.data.length / weight.shape[0];
    const scale = norm.weight.map((gain, o) => gain / Math.sqrt(norm.variance[o] + eps));
    return {
      weight: map(weight, (value, k) => value * scale[Math.floor(k / perFilter)]),
      bias: norm.bias.map((shift, o) => shift + ((bias ? bias[o] : 0) - norm.mean[o]) * scale[o]),
    };
  }

  // One step of a gated recurrent unit (Cho et al. 2014), gates in PyTorch's order: r, z, n.
  function gru(x, state, { inputWeight, stateWeight, inputBias, stateBias }) {
    const size = state.length, sigmoid = (value) => 1 / (1 + Math.exp(-value));
    const a = dense(x, inputWeight, inputBias), b = dense(state, stateWeight, stateBias);
    return state.map((old, k) => {
      const reset = sigmoid(a[k] + b[k]), update = sigmoid(a[size + k] + b[size + k]);
      const candidate = Math.tanh(a[2 * size + k] + reset * b[2 * size + k]);
      return (1 - update) * candidate + update * old;
    });
  }

  const argmax = (values) => values.reduce((best, value, k) => (value > values[best] ? k : best), 0);

  Object.assign(tarea, {
    array, outputSize, conv1d, conv2d, windowCells, pad, transposedConvolution, downsample, maxPool, meanPool,
    duplicate, maxUnpool, bilinear, resizePicture, relu, add, concatenate, dense, softmax, foldBatchNorm, gru, argmax,
  });
});

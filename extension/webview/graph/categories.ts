/** Netron's colour of a node, by what PyTorch calls it. */

const CATEGORIES: readonly (readonly [category: string, types: RegExp])[] = [
  ["attention", /attention/i],
  ["dropout", /dropout|droppath/i],
  ["normalization", /norm(_|$|\d|alize)/i],
  ["pool", /pool/i],
  ["activation", /^(.*(relu|elu|gelu|silu|sigmoid|softmax|tanh|softplus|mish|hardswish|glu))_?\d*d?$/i],
  ["layer", /^(lazy)?(conv|linear|bilinear|lstm|gru|rnn|embedding)|^(matmul|mm|bmm|addmm|einsum|conv\w*|linear)$/i],
  ["shape", /^_?(view|reshape|flatten|unflatten|permute|transpose|squeeze|unsqueeze|expand|contiguous|t|mT)(_as)?_?$/i],
  ["tensor", /^_?(cat|concat|stack|split|chunk|unbind|gather|index_select|getitem|pad|narrow|roll)_*$/i],
];

export function categoryOf(type: string): string {
  const name = (type.split(".").at(-1) ?? type).slice(-100);
  return CATEGORIES.find(([, types]) => types.test(name.replaceAll("__", "")))?.[0] ?? "";
}

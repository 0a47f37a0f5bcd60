/** The drawing as a file that stands alone: SVG with its styles in it, and PNG made of that. */

const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
  "marker-end",
  "opacity",
  "visibility",
  "display",
];
const MARGIN = 16;
const PNG_SCALE = 2;
/** What browsers draw at most, in pixels. */
const LARGEST_SIDE = 16_000;

export function drawSvg(): string {
  const canvas = document.querySelector("#canvas") as SVGSVGElement;
  const copy = canvas.cloneNode(true) as SVGSVGElement;
  const [originals, copies] = [canvas.querySelectorAll("*"), copy.querySelectorAll<SVGElement>("*")];
  for (const [index, original] of originals.entries()) {
    const [computed, made] = [getComputedStyle(original), copies[index] as SVGElement];
    for (const name of STYLES) {
      made.style.setProperty(name, computed.getPropertyValue(name));
    }
    made.style.removeProperty("--fill");
  }
  const { x, y, width, height } = (canvas.querySelector("#origin") as SVGGElement).getBBox();
  const box = [x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN];
  for (const each of copy.querySelectorAll("#edge-paths-hit-test, #background")) {
    each.remove();
  }
  copy.querySelector("#origin")?.removeAttribute("transform");
  for (const name of ["style", "class", "preserveAspectRatio"]) {
    copy.removeAttribute(name);
  }
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("viewBox", box.join(" "));
  copy.setAttribute("width", String(box[2]));
  copy.setAttribute("height", String(box[3]));
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  return new XMLSerializer().serializeToString(copy);
}

export async function drawPng(): Promise<ArrayBuffer> {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(drawSvg())}`;
  await image.decode();
  const scale = Math.min(PNG_SCALE, LARGEST_SIDE / Math.max(image.width, image.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.ceil(image.width * scale), Math.ceil(image.height * scale)];
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.fillStyle = getComputedStyle(document.body).backgroundColor;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
  if (blob === null) {
    throw new Error("The picture is too large to be made.");
  }
  return blob.arrayBuffer();
}

// Where the model looked: the square that it saw, darkened where it did not look (attention.py draws the same).

const SHADE = 0.75;

// Draws `image` into the square canvas as the model sees it, overlaid with the map `attention` (rows of cells).
export function drawLook(canvas, image, resize, attention) {
  const pen = canvas.getContext("2d");
  const side = canvas.width;
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, side, side);
  if (resize === "crop") {
    const kept = Math.min(width, height);
    pen.drawImage(image, (width - kept) / 2, (height - kept) / 2, kept, kept, 0, 0, side, side);
  } else if (resize === "squash") {
    pen.drawImage(image, 0, 0, side, side);
  } else {
    const scale = side / Math.max(width, height);
    const [w, h] = [width * scale, height * scale];
    pen.drawImage(image, (side - w) / 2, (side - h) / 2, w, h);
  }
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(shade(attention), 0, 0, side, side);
}

function shade(attention) {
  const [rows, cols] = [attention.length, attention[0].length];
  const cells = new ImageData(cols, rows);
  const most = Math.max(1e-12, ...attention.flat());
  attention.flat().forEach((cell, i) => {
    cells.data[4 * i + 3] = Math.round(255 * SHADE * (1 - cell / most));
  });
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [cols, rows];
  canvas.getContext("2d").putImageData(cells, 0, 0);
  return canvas;
}

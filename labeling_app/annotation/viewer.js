/** The picture, zoomed and panned: OpenSeadragon, in pixels of the upright picture. */

import { h } from "../dom.js";

/** @typedef {import("./boxes.js").Rect} Rect */
/** @typedef {import("./boxes.js").Point} Point */

const OPTIONS = {
  // Pictures are shown, never read: they need no CORS, which WebGL would.
  drawer: "canvas",
  showNavigationControl: false,
  keyboardNavEnabled: false,
  tabIndex: "",
  visibilityRatio: 0.4,
  minZoomImageRatio: 0.7,
  maxZoomPixelRatio: 24,
  zoomPerScroll: 1.25,
  imageSmoothingEnabled: true,
  placeholderFillStyle: null,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false, flickEnabled: false },
  gestureSettingsTouch: {
    clickToZoom: false,
    dblClickToZoom: false,
    flickEnabled: false,
    pinchRotate: false,
  },
  gestureSettingsPen: { clickToZoom: false, dblClickToZoom: false, flickEnabled: false },
};

const STYLE_MARK = "data-openseadragon-mobile-css";

/** Tells "view" (Event) whenever the picture is seen differently. */
export class Viewer extends EventTarget {
  /** @param {HTMLElement} stage what it fills */
  constructor(stage) {
    super();
    this.frame = h("div", { class: "viewer" });
    stage.prepend(this.frame);
    if (!document.querySelector(`style[${STYLE_MARK}]`)) document.head.append(noStyle());
    /** @type {any} */
    this.osd = /** @type {any} */ (window).OpenSeadragon({ element: this.frame, animationTime: motion(), ...OPTIONS });
    this.width = 1;
    this.scaling = 1;
    const seen = () => this.dispatchEvent(new Event("view"));
    for (const name of ["update-viewport", "open", "resize", "animation"]) this.osd.addHandler(name, seen);
  }

  /** @param {string} url @param {{width: number, height: number}} size @returns {Promise<void>} fails where it cannot be shown */
  open(url, size) {
    this.width = size.width;
    return new Promise((resolve, reject) => {
      const done = () => {
        forget();
        // The API's size counts: what is stored of a picture may be smaller or larger than what is shown.
        this.scaling = this.item.getContentSize().x / size.width;
        this.osd.canvas.removeAttribute("tabindex");
        resolve();
      };
      const failed = () => {
        forget();
        reject(new Error("The picture cannot be loaded."));
      };
      const forget = () => {
        this.osd.removeHandler("open", done);
        this.osd.removeHandler("open-failed", failed);
      };
      this.osd.addHandler("open", done);
      this.osd.addHandler("open-failed", failed);
      this.osd.open({ type: "image", url, crossOriginPolicy: false, buildPyramid: true });
    });
  }

  close() {
    this.osd.destroy();
  }

  /** @private */
  get item() {
    return this.osd.world.getItemAt(0);
  }

  get ready() {
    return Boolean(this.item);
  }

  /** CSS pixels for each pixel of the picture. */
  get scale() {
    return this.ready ? this.item.viewportToImageZoom(this.osd.viewport.getZoom(true)) * this.scaling : 1;
  }

  /** @param {Point} point in CSS pixels of the stage @returns {Point} in pixels of the picture */
  toPicture(point) {
    const found = this.item.viewerElementToImageCoordinates(
      new /** @type {any} */ (window).OpenSeadragon.Point(point.x, point.y),
    );
    return { x: found.x / this.scaling, y: found.y / this.scaling };
  }

  /** @param {Rect} rect @returns {Rect} in CSS pixels of the stage */
  toStage(rect) {
    const { Point } = /** @type {any} */ (window).OpenSeadragon;
    const point = this.osd.viewport.pixelFromPoint(
      this.item.imageToViewportCoordinates(new Point(rect.left * this.scaling, rect.top * this.scaling)),
      true,
    );
    const scale = this.scale;
    return { left: point.x, top: point.y, width: rect.width * scale, height: rect.height * scale };
  }

  /** The part of the picture that is seen. @returns {Rect} */
  get visible() {
    const a = this.toPicture({ x: 0, y: 0 });
    const b = this.toPicture({ x: this.frame.clientWidth, y: this.frame.clientHeight });
    return { left: a.x, top: a.y, width: b.x - a.x, height: b.y - a.y };
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.osd.viewport.zoomBy(factor).applyConstraints();
  }

  fit() {
    this.osd.viewport.goHome();
  }

  /** @param {number} dx CSS pixels @param {number} dy */
  pan(dx, dy) {
    const { Point } = /** @type {any} */ (window).OpenSeadragon;
    this.osd.viewport.panBy(this.osd.viewport.deltaPointsFromPixels(new Point(dx, dy))).applyConstraints();
  }

  /** Pan so that a box is seen. @param {Rect} rect */
  reveal(rect) {
    if (!this.ready) return;
    const at = this.toStage(rect);
    const { clientWidth, clientHeight } = this.frame;
    const over = (/** @type {number} */ low, /** @type {number} */ length, /** @type {number} */ room) =>
      low < 0 ? low - 16 : low + length > room ? Math.min(low - 16, low + length - room + 16) : 0;
    const [dx, dy] = [over(at.left, at.width, clientWidth), over(at.top, at.height, clientHeight)];
    if (dx || dy) this.pan(dx, dy);
  }
}

/** Seconds that zooming takes: none for who asked for stillness. */
function motion() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 0.25;
}

/** OpenSeadragon adds a style element, which the content security policy forbids, unless it finds one by this mark. */
function noStyle() {
  const element = document.createElementNS(null, "style");
  element.setAttribute(STYLE_MARK, "");
  return element;
}

// The time axis of the chart in the user's time zone. The chart library only knows UTC: candles
// keep their UTC times, and the labels are chosen and written by local time.
import { TickMarkType, defaultHorzScaleBehavior } from "lightweight-charts";
import { localSeconds } from "./timestamps.js";

const format = (options) => {
  const { format } = new Intl.DateTimeFormat(undefined, options);
  return (seconds) => format(new Date(seconds * 1000));
};
// Candles begin at full minutes.
const formatTime = format({ hour: "numeric", minute: "2-digit" });
const tickFormats = {
  [TickMarkType.Year]: format({ year: "numeric" }),
  [TickMarkType.Month]: format({ month: "short" }),
  [TickMarkType.DayOfMonth]: format({ day: "numeric" }),
  [TickMarkType.Time]: formatTime,
  [TickMarkType.TimeWithSeconds]: formatTime,
};

/** A label below the axis. */
export const formatTick = (seconds, type) => tickFormats[type](seconds);
/** The label of the crosshair. */
export const formatCrosshair = format({ dateStyle: "medium", timeStyle: "short" });

/** Emphasizes local midnight and full hours instead of those of UTC. */
export class LocalTimeScale extends defaultHorzScaleBehavior() {
  fillWeightsForPoints(points, startIndex) {
    const toLocal = (time) => this.convertHorzItemToInternal(localSeconds(this.key(time)));
    const localPoints = points.map((point) => ({ ...point, time: toLocal(point.time) }));
    super.fillWeightsForPoints(localPoints, startIndex);
    localPoints.forEach(({ timeWeight }, index) => (points[index].timeWeight = timeWeight));
  }
}

// The exchange class matchcast for ccxt, with the calls of ccxt and of ccxt.pro.
import { Live } from "./live.js";

export class matchcast extends Live {}
export default matchcast;

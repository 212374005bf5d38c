"""Facts the bank lives among: prefectures with their division codes (GB/T 2260), merchant categories (ISO 18245)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class City:
    """A prefecture.  `weight` is its share of the bank's customers, up to a factor; 0 for places only travelled to."""

    code: str
    name: str
    weight: float


CITIES: Final = (
    City("330100", "杭州市", 24.0),
    City("330200", "宁波市", 16.0),
    City("330300", "温州市", 14.0),
    City("330400", "嘉兴市", 8.0),
    City("330500", "湖州市", 5.0),
    City("330600", "绍兴市", 8.0),
    City("330700", "金华市", 10.0),
    City("330800", "衢州市", 3.0),
    City("330900", "舟山市", 2.0),
    City("331000", "台州市", 9.0),
    City("331100", "丽水市", 3.0),
    City("310100", "上海市", 2.0),
    City("320100", "南京市", 0.6),
    City("320200", "无锡市", 0.4),
    City("320500", "苏州市", 0.8),
    City("320600", "南通市", 0.2),
    City("110100", "北京市", 0.5),
    City("120100", "天津市", 0.0),
    City("130100", "石家庄市", 0.0),
    City("140100", "太原市", 0.0),
    City("210100", "沈阳市", 0.0),
    City("210200", "大连市", 0.0),
    City("220100", "长春市", 0.0),
    City("230100", "哈尔滨市", 0.0),
    City("340100", "合肥市", 0.3),
    City("350100", "福州市", 0.3),
    City("350200", "厦门市", 0.2),
    City("360100", "南昌市", 0.2),
    City("370100", "济南市", 0.0),
    City("370200", "青岛市", 0.0),
    City("410100", "郑州市", 0.0),
    City("420100", "武汉市", 0.2),
    City("430100", "长沙市", 0.0),
    City("440100", "广州市", 0.3),
    City("440300", "深圳市", 0.5),
    City("450100", "南宁市", 0.0),
    City("460100", "海口市", 0.0),
    City("500100", "重庆市", 0.0),
    City("510100", "成都市", 0.2),
    City("530100", "昆明市", 0.0),
    City("610100", "西安市", 0.0),
    City("650100", "乌鲁木齐市", 0.0),
)


@dataclass(frozen=True, slots=True)
class Category:
    """A merchant category: how often its merchants are met, and what one payment there costs (log-normal, yuan)."""

    code: int
    name: str
    weight: float
    median_yuan: float
    spread: float


CATEGORIES: Final = (
    Category(5411, "grocery stores", 20.0, 62.0, 0.80),
    Category(5812, "restaurants", 15.0, 85.0, 0.75),
    Category(5814, "fast food", 12.0, 26.0, 0.45),
    Category(5462, "bakeries", 5.0, 22.0, 0.50),
    Category(5541, "service stations", 5.0, 260.0, 0.45),
    Category(5311, "department stores", 5.0, 240.0, 0.95),
    Category(5651, "family clothing", 5.0, 210.0, 0.80),
    Category(5732, "electronics", 2.0, 900.0, 1.10),
    Category(5912, "drug stores", 4.0, 58.0, 0.80),
    Category(4111, "commuter transport", 7.0, 6.0, 0.60),
    Category(4121, "taxis", 6.0, 22.0, 0.60),
    Category(4814, "telecommunication services", 3.0, 60.0, 0.55),
    Category(4900, "utilities", 3.0, 130.0, 0.70),
    Category(5944, "jewellery and watches", 0.6, 2600.0, 1.10),
    Category(7011, "hotels", 1.5, 380.0, 0.60),
    Category(4511, "airlines", 0.8, 980.0, 0.60),
    Category(8062, "hospitals", 2.0, 190.0, 1.10),
    Category(8299, "schools and courses", 1.0, 1200.0, 1.00),
    Category(5999, "other retail", 6.0, 70.0, 1.10),
    Category(7230, "hair and beauty", 2.5, 95.0, 0.80),
    Category(7832, "cinemas", 1.2, 75.0, 0.45),
    Category(5816, "digital goods: games", 3.0, 45.0, 1.10),
    Category(5942, "book stores", 1.0, 55.0, 0.70),
    Category(5712, "furniture", 0.7, 1500.0, 1.00),
)

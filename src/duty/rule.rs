//! The nine rules of the duty, and what is said about each.

use crate::model::vehicle::named_enum;

named_enum! {
    /// A rule of the monitoring duty. Source: regulations 14.
    Rule {
        /// Qualified monitors below the quota.
        N1 = "N1",
        /// Vehicles ran while no qualified monitor was on shift.
        N2 = "N2",
        /// Violations were not handled.
        N3 = "N3",
        /// Post checks were not answered in time.
        N4 = "N4",
        /// A vehicle moved without data, or with a faulty terminal.
        N5 = "N5",
        /// Grave violations were not reminded in time.
        N6 = "N6",
        /// Not connected, or too few vehicles online.
        N7 = "N7",
        /// A shift ended without a handover note.
        N8 = "N8",
        /// Records contradict each other or were altered.
        N9 = "N9",
    }
}

impl Rule {
    /// What is wrong, in English.
    pub const fn title(self) -> &'static str {
        match self {
            Self::N1 => "Too few qualified full-time monitors",
            Self::N2 => "Vehicles ran with no qualified monitor on shift",
            Self::N3 => "Violations not handled in time",
            Self::N4 => "Post checks not answered in time",
            Self::N5 => "Vehicle ran without data or with a faulty terminal",
            Self::N6 => "Grave violations not reminded in time",
            Self::N7 => "Not connected, or too few vehicles online",
            Self::N8 => "Shift ended without a handover note",
            Self::N9 => "Contradictory or altered records",
        }
    }

    /// What is wrong, in Chinese.
    pub const fn title_zh(self) -> &'static str {
        match self {
            Self::N1 => "专职监控人员配备不足",
            Self::N2 => "车辆运行期间无合格监控人员在岗",
            Self::N3 => "违法违规信息处理率不达标",
            Self::N4 => "平台查岗响应不达标",
            Self::N5 => "车辆离线位移或终端带故障运行",
            Self::N6 => "严重违规未及时提醒",
            Self::N7 => "未联网或车辆上线率不达标",
            Self::N8 => "交接班未留监控台账",
            Self::N9 => "动态监控数据矛盾或被篡改",
        }
    }

    /// On what the rule rests.
    ///
    /// Source: regulations 3.1-3.4 (articles of the 2022 Measures), 11 and 14.
    pub const fn basis(self) -> &'static str {
        match self {
            Self::N1 => "道路运输车辆动态监督管理办法 第21条、第35条第(3)项",
            Self::N2 => "道路运输车辆动态监督管理办法 第24条、第35条第(3)项；缺口时长为默认值",
            Self::N3 => "道路运输车辆动态监督管理办法 第25条、第35条第(2)项",
            Self::N4 => "交运发〔2016〕160号 平台查岗响应率；阈值为默认值",
            Self::N5 => "道路运输车辆动态监督管理办法 第26条、第36条；时长为默认值",
            Self::N6 => "道路运输车辆动态监督管理办法 第25条；提醒时限为默认值",
            Self::N7 => "道路运输车辆动态监督管理办法 第14条、第35条第(1)项；上线率为默认值",
            Self::N8 => "道路运输车辆动态监督管理办法 第25条(动态监控台账)；默认要求",
            Self::N9 => "道路运输车辆动态监督管理办法 第19条、第27条、第37条",
        }
    }

    /// Whether the rule is a provision itself, and not a number that we set by default.
    ///
    /// N7 holds both: being connected is a provision, the rate of vehicles online is a default. Here the rate
    /// counts; not being connected at all is said by the judgement.
    /// Source: regulations 14.
    pub const fn is_statutory(self) -> bool {
        matches!(self, Self::N1 | Self::N3 | Self::N9)
    }

    /// Unit of the value and of the threshold.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::N1 => "monitors",
            Self::N2 | Self::N5 => "min",
            Self::N3 | Self::N4 | Self::N7 => "ratio",
            Self::N6 => "violations",
            Self::N8 => "shifts",
            Self::N9 => "records",
        }
    }
}

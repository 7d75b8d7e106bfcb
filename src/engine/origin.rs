//! Where the command of an administrator comes from.

/// What is recorded of an administrator's command besides the command itself.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The token of the administrator. `None`: a command of this program, or no administrator.
    pub token: Option<i64>,
    /// The payment service's name for a withdrawal's payment.
    pub reference: Option<String>,
    /// In the administrator's words; of an adjustment its reason.
    pub note: Option<String>,
}

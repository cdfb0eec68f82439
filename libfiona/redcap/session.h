// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/answers.h"
#include "libfiona/redcap/circuit.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/form.h"
#include "libfiona/redcap/rate_limit.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/redcap/transport.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::redcap {

/// One token on one connection: calls are made, judged and, where that is safe, made again, never
/// more often than the site's tools together may.
class Session {
public:
    using Parse = std::function<void(std::string& body)>;

    Session(const RedcapConfig& config, Private<std::string> token);

    /// A form with the token and what every call has.
    [[nodiscard]] Form request(std::string_view content) const;

    /// `parse` belongs to the call: a body it refuses with Fault::temporary is asked for again.
    /// Verdict::too_large is left to the caller, who knows how to ask for less.
    [[nodiscard]] Verdict call(const Form& form, Retry::Tries tries, const Parse& parse);
    /// The same, for what cannot be asked for in smaller pieces: too_large() is thrown.
    void ask(const Form& form, Retry::Tries tries, const Parse& parse);

    [[nodiscard]] static Error too_large();
    /// What the last answer said; see Answer::server_time.
    [[nodiscard]] std::optional<TimePoint> server_time() const { return m_server_time; }
    [[nodiscard]] Traffic& traffic() { return m_traffic; }
    [[nodiscard]] const Traffic& traffic() const { return m_traffic; }

private:
    void wait_for_turn(std::chrono::milliseconds patience) const;
    [[noreturn]] void give_up(const Error& problem, const Retry& retry);

    Transport m_transport;
    RateLimit m_rate;
    Circuit m_circuit;
    std::chrono::milliseconds m_deadline;
    std::chrono::milliseconds m_patience; ///< what trouble has left of the deadline
    Private<std::string> m_token;
    std::optional<TimePoint> m_server_time;
    Traffic m_traffic;
};

} // namespace fiona::redcap

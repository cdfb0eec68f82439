// SPDX-License-Identifier: MIT
#include "libfiona/redcap/session.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

namespace fiona::redcap {

namespace {

/// A long run tries again later, after its deadline went by in vain: once, and shortly.
constexpr std::chrono::milliseconds least_patience{5000};

} // namespace

Session::Session(const RedcapConfig& config, Private<std::string> token)
    : m_transport{config}, m_rate{config.state_dir, config.rate_per_minute},
      m_circuit{config.state_dir}, m_deadline{config.deadline},
      m_patience{m_deadline}, m_token{std::move(token)}
{
}

Form Session::request(std::string_view content) const
{
    Form form;
    form.set("token", m_token.reveal()).set("content", content);
    form.set("format", "json").set("returnFormat", "json");
    return form;
}

Error Session::too_large()
{
    return Error{Fault::temporary, "REDCap ran out of memory even for a single record"};
}

void Session::ask(const Form& form, Retry::Tries tries, const Parse& parse)
{
    if (call(form, tries, parse) == Verdict::too_large) {
        throw too_large();
    }
}

Verdict Session::call(const Form& form, Retry::Tries tries, const Parse& parse)
{
    Retry retry{m_patience, tries};
    const auto connection =
        tries == Retry::Tries::once ? Transport::Connection::fresh : Transport::Connection::kept;
    for (;;) {
        std::optional<std::chrono::seconds> retry_after;
        try {
            wait_for_turn(retry.time_left());
            ++m_traffic.calls;
            m_traffic.bytes_sent += form.body().size();
            auto answer = m_transport.post(form.body(), retry.time_left(), connection);
            m_traffic.bytes_received += answer.body.size();
            retry_after = answer.retry_after;
            m_server_time = answer.server_time;
            const auto verdict = check_answer(answer, m_token);
            if (verdict == Verdict::good) {
                parse(answer.body);
            }
            m_circuit.succeeded();
            m_patience = m_deadline;
            return verdict;
        } catch (const Error& e) {
            if (retry_after) {
                m_rate.hold(Clock::now(), *retry_after);
            }
            if (!retry.wait(e, retry_after)) {
                give_up(e, retry);
            }
        }
    }
}

void Session::wait_for_turn(std::chrono::milliseconds patience) const
{
    const auto wait = m_rate.take(Clock::now(), patience);
    if (!wait) {
        throw Error{Fault::temporary, "REDCap wants no calls for longer than we may wait"};
    }
    std::this_thread::sleep_for(*wait);
}

/// The last try is over. That nobody answers is for the next run, like everything that passes.
void Session::give_up(const Error& problem, const Retry& retry)
{
    const auto fault = problem.fault() == Fault::unreachable ? Fault::temporary : problem.fault();
    if (fault == Fault::temporary) {
        m_patience = std::max(least_patience, retry.time_left());
        m_circuit.failed(Clock::now());
    } else {
        m_circuit.succeeded(); // it answers, if only to refuse
    }
    throw Error{fault, "{}{}", problem.what(),
                retry.tries() > 1 ? fmt::format(" (after {} tries)", retry.tries())
                                  : std::string{}};
}

} // namespace fiona::redcap

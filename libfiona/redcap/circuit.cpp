// SPDX-License-Identifier: MIT
#include "libfiona/redcap/circuit.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/redcap/shared_text.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <utility>

namespace fiona::redcap {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t runs_until_open = 3;
constexpr std::chrono::seconds look_every{300};
constexpr std::chrono::seconds longest_look{10};

struct Failures {
    std::int64_t runs = 0;
    std::int64_t process = 0; ///< the last one that counted itself
    std::int64_t looked = 0;  ///< seconds since 1970
};

Failures parse(const std::string& text)
{
    Failures failures;
    const auto* at = text.data();
    const auto* const last = text.data() + text.size();
    for (auto* const number : {&failures.runs, &failures.process, &failures.looked}) {
        const auto [end, problem] = std::from_chars(at, last, *number);
        if (problem != std::errc{}) {
            return {};
        }
        at = std::min(end + 1, last);
    }
    return failures;
}

void save(const SharedText& file, const Failures& failures)
{
    file.write(fmt::format("{} {} {}\n", failures.runs, failures.process, failures.looked));
}

} // namespace

Circuit::Circuit(fs::path state_dir) : m_directory{std::move(state_dir)} {}

bool Circuit::is_open() const
{
    return !m_directory.empty() && ::access(down().c_str(), F_OK) == 0;
}

void Circuit::succeeded() const
{
    if (m_directory.empty() || (::access(failures().c_str(), F_OK) != 0 && !is_open())) {
        return;
    }
    std::error_code ignored; // the next call that succeeds does it
    fs::remove(failures(), ignored);
    if (fs::remove(down(), ignored)) {
        log::info("redcap_answers_again");
    }
}

void Circuit::failed(TimePoint now) const
{
    if (m_directory.empty()) {
        return;
    }
    const SharedText file{failures()};
    auto counted = parse(file.read());
    if (counted.process == ::getpid()) {
        return;
    }
    counted.process = ::getpid();
    ++counted.runs;
    save(file, counted);
    if (counted.runs >= runs_until_open && !is_open()) {
        const SharedText mark{down()};
        mark.write(iso8601_utc(now) + "\n");
        log::warn("redcap_is_down", {{"failed_runs", counted.runs}});
    }
}

bool Circuit::is_time_to_look(TimePoint now) const
{
    const SharedText file{failures()};
    auto counted = parse(file.read());
    const auto seconds = epoch_seconds(now);
    const auto since = seconds - counted.looked;
    if (since >= 0 && since < look_every.count()) {
        return false;
    }
    counted.looked = seconds;
    save(file, counted);
    return true;
}

bool is_resting(const RedcapConfig& config, Role role, TimePoint now)
{
    const Circuit circuit{config.state_dir};
    if (!circuit.is_open()) {
        return false;
    }
    std::string reason = "somebody looked less than five minutes ago";
    if (circuit.is_time_to_look(now)) {
        auto brief = config;
        brief.deadline = std::min(brief.deadline, longest_look);
        try {
            static_cast<void>(connect(brief, role)->version());
            return false; // the answer has closed the circuit
        } catch (const Error& e) {
            if (!may_have_happened(e)) {
                return false; // it answers; let the tool find out what is wrong
            }
            reason = e.what();
        }
    }
    log::info("redcap_left_alone", {{"reason", reason}});
    return true;
}

} // namespace fiona::redcap

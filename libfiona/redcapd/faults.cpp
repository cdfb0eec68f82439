// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/faults.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <random>
#include <string_view>

namespace fiona::redcapd {

namespace {

struct Spelling {
    std::string_view name;
    InjectedFault::Kind kind;
    bool has_number;
};

constexpr std::array<Spelling, 5> spellings{{
    {"delay", InjectedFault::Kind::delay, true},
    {"status", InjectedFault::Kind::status, true},
    {"html200", InjectedFault::Kind::html200, false},
    {"truncate", InjectedFault::Kind::truncate, false},
    {"drop-after-commit", InjectedFault::Kind::drop_after_commit, false},
}};

template <typename T>
T parse_number(std::string_view text, const std::string& fault)
{
    const auto value = read_number<T>(text);
    if (!value || *value < T{}) {
        throw Error{Fault::usage, "--fault {}: not a number where one must be", fault};
    }
    return *value;
}

} // namespace

bool InjectedFault::happens() const
{
    thread_local std::mt19937 generator{std::random_device{}()};
    const bool is_hit = std::uniform_real_distribution<double>{0, 1}(generator) < probability;
    if (is_hit) {
        const auto* const spelling = std::ranges::find(spellings, kind, &Spelling::kind);
        log::info("fault_injected", {{"fault", spelling->name}});
    }
    return is_hit;
}

InjectedFault parse_fault(const std::string& text)
{
    const auto parts = split(text, ',');
    const auto equals = parts.front().find('=');
    const auto name = parts.front().substr(0, equals);
    const auto* const spelling = std::ranges::find(spellings, name, &Spelling::name);
    if (parts.size() != 2 || spelling == spellings.end()
        || spelling->has_number != (equals != std::string_view::npos)) {
        throw Error{Fault::usage,
                    "--fault {}: must be delay=MS,PROB, status=CODE,PROB, "
                    "truncate,PROB, html200,PROB or drop-after-commit,PROB",
                    text};
    }
    InjectedFault fault{spelling->kind, 0, parse_number<double>(parts.back(), text)};
    if (spelling->has_number) {
        fault.number = parse_number<int>(parts.front().substr(equals + 1), text);
    }
    const bool bad_status =
        fault.kind == InjectedFault::Kind::status && (fault.number < 400 || fault.number > 599);
    if (fault.probability > 1 || bad_status) {
        throw Error{Fault::usage, "--fault {}: a probability is at most 1, a status 400 to 599",
                    text};
    }
    return fault;
}

} // namespace fiona::redcapd

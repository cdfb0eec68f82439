// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace fiona {

/// What went wrong, seen from whoever must act on it. A caller decides by this alone
/// whether to retry, to set the input aside, or to wake a person.
enum class Fault {
    usage,       ///< the command line makes no sense
    data,        ///< the input is readable and wrong
    missing,     ///< what was named is not there
    unreachable, ///< the peer or the helper program does not answer
    temporary,   ///< nothing was changed; try again later
    protocol,    ///< the peer answered, and refused or talked nonsense
    permission,  ///< we are not allowed
    io,          ///< the disk failed or is full
    config,      ///< the configuration is wrong
    internal,    ///< a bug of ours
};

/// The one exception type. Its text ends in logs: it never holds a name, a patient id, a birth
/// date, an accession number, free text of a header, a token or a password.
class Error : public std::runtime_error {
public:
    template <typename... Args>
    explicit Error(Fault fault, fmt::format_string<Args...> what, Args&&... args)
        : std::runtime_error{fmt::format(what, std::forward<Args>(args)...)}, m_fault{fault}
    {
    }

    [[nodiscard]] Fault fault() const noexcept { return m_fault; }

    /// The same fault with its circumstances put in front: "series 1.2.3: no pixel data".
    [[nodiscard]] Error in(std::string_view circumstances) const
    {
        return Error{m_fault, "{}: {}", circumstances, what()};
    }

private:
    Fault m_fault;
};

/// EBUSY, ENOSPC, EACCES, ... as an Error with the fault an operator expects.
[[nodiscard]] Error os_error(int error_number, std::string_view doing);
/// The same of what std::filesystem throws, without its text: that holds paths, and a path may hold a
/// patient's id.
[[nodiscard]] Error disk_error(const std::filesystem::filesystem_error& problem);

} // namespace fiona

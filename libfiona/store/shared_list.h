// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace fiona::store {

/// A file of lines to which others append who know none of our locks: pages of a web server, scripts of a
/// site. Lines leave it by a new file under its name; the one before stays beside it, for a writer may
/// have it open.
///
/// list  .list.BYTES.INODE.old
///  +      -                     nobody has taken a line out, or it is over
///  +      +  the same file      killed before there was a new list: the link goes
///  +      +  BYTES long         a writer may still append to it. It goes when nobody has it open for writing
///                               (fcntl(2), F_SETLEASE; where the file system cannot tell: after an hour)
///  +      +  longer             what stands behind BYTES is appended to the list, and BYTES in the name grows;
///                               killed in between: lines that the list has are not appended again
///
/// Callers hold one lock during all of these calls; readers need none.
class SharedList {
public:
    /// `mode` of a list that is made here.
    SharedList(std::filesystem::path file, mode_t mode);

    /// Brings what was written into the lists of before over into the list. Callers do this before
    /// they read it to change it.
    void bring_over(TimePoint now) const;

    enum class Time {
        now,
        kept, ///< that of the list before: what is written is no news
    };
    /// `after` instead of the first bytes, `before`. If both end in a line without an end that somebody may still
    /// write, its other half stays with it. Mode and owner stay, as far as the system lets us.
    void replace(std::string_view before, std::string_view after, TimePoint now,
                 Time time = Time::now) const;

    /// Adds `lines`, the last one ended, on lines of their own: a torn one is ended first.
    void append(std::string_view lines) const;

    [[nodiscard]] const std::filesystem::path& file() const { return m_file; }

private:
    void bring_over(const std::filesystem::path& old, TimePoint now) const;
    [[nodiscard]] std::string name_prefix() const;
    [[nodiscard]] std::filesystem::path old_file(std::size_t bytes, std::string_view inode) const;
    void append_unknown(std::string_view tail) const;

    std::filesystem::path m_file;
    mode_t m_mode;
};

/// Appends to any file of lines as SharedList::append() does. Returns when they are on the disk; throws
/// os_error(), and the file is as it was, if nobody else has appended to it meanwhile.
void append_lines(const std::filesystem::path& file, std::string_view lines, mode_t mode);

} // namespace fiona::store

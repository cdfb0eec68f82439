// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace fiona::sftp {

/// What a server says it has: a tar archive of `NAME.md5sum_server` files, each one line as of md5sum(1).
/// NAME to 32 lower-case hex digits. Read as POSIX ustar with the long names of GNU tar and of pax; entries
/// with a path in their name, of another kind or of another form are passed over. Nothing is unpacked. Throws
/// Error{Fault::protocol} if it is no such archive.
[[nodiscard]] std::map<std::string, std::string, std::less<>>
read_server_list(std::string_view archive);

/// The digest at the start of a line of md5sum(1), in lower case; "" if there is none.
[[nodiscard]] std::string md5_of_line(std::string_view text);

} // namespace fiona::sftp

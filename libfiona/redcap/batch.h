// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/outbox.h"

#include <string>
#include <vector>

namespace fiona::redcap {

/// A record that REDCap refuses (400), and why, without values.
struct Refused {
    std::string record;
    std::string reason;
};

/// Client::import_once(), but one bad record does not stop the others: a batch that is refused is
/// halved by record until the bad ones are alone. Throws what import_once() throws but for
/// Fault::data; what was sent before that may be there.
[[nodiscard]] std::vector<Refused> import_each(Client& client, const std::vector<Row>& rows,
                                               Overwrite overwrite);

/// The same for a tool that comes every minute: what REDCap refused is kept in `outbox` and not
/// sent again for an hour, unless its content has changed by then.
[[nodiscard]] std::vector<Refused> import_each(Client& client, const std::vector<Row>& rows,
                                               Overwrite overwrite, Outbox& outbox, TimePoint now);

} // namespace fiona::redcap

// SPDX-License-Identifier: MIT
#include "libfiona/dicom/check.h"

#include "libfiona/base/error.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/ofstd/ofcond.h>

namespace fiona::dicom {

void check(const OFCondition& condition, std::string_view doing)
{
    if (condition.bad()) {
        throw Error{Fault::data, "{}: {}", doing, condition.text()};
    }
}

} // namespace fiona::dicom

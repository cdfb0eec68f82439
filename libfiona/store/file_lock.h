// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/file_lock.h"

namespace fiona::store {

using fiona::FileLock; // one floor down, because the room `redcap` needs it too

} // namespace fiona::store

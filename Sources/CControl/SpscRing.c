#include "CControl.h"

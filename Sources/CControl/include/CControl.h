#ifndef CCONTROL_H
#define CCONTROL_H
#endif
